-- Charge in full what a dead worker left open, a page a call. ARGV 5 owner, 6 page size.
-- Reply: {1, seq, looked at, closed}; the caller repeats until nothing was looked at.
local refusal = stranger()
if refusal then return refusal end
local mine = PREFIX .. 'o:' .. ARGV[5]
local page, closed = redis.call('SRANDMEMBER', mine, ARGV[6]), 0
for _, id in ipairs(page) do
  local record = record_of(id)
  if record then
    close(id, record, {})
    closed = closed + 1
  else
    redis.call('SREM', mine, id)
  end
end
return {1, seq, #page, closed}
