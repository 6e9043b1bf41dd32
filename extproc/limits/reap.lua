-- Charge in full what a dead worker left open, a page a call. ARGV: owner, page size.
-- Reply: {looked at, closed}; the caller repeats until nothing was looked at.
local mine = PREFIX .. 'o:' .. ARGV[1]
local page, closed = redis.call('SRANDMEMBER', mine, ARGV[2]), 0
for _, id in ipairs(page) do
  local record = record_of(id)
  if record then
    close(id, record, {})
    closed = closed + 1
  else
    redis.call('SREM', mine, id)
  end
end
return {#page, closed}
