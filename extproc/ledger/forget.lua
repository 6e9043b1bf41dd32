-- An old copy of the store holds reservations that their owner has settled since: give them back,
-- what they used is brought back otherwise. ARGV 5 owner, then the ids that are still open.
-- Reply {1, seq, given back}.
local refusal = stranger()
if refusal then return refusal end
local open, given_back = {}, 0
for i = 6, #ARGV do open[ARGV[i]] = true end
for _, id in ipairs(redis.call('SMEMBERS', PREFIX .. 'o:' .. ARGV[5])) do
  if not open[id] then
    local record = record_of(id)
    if record then
      close(id, record, {requests = 0, tokens = 0, cost = 0})
      given_back = given_back + 1
    end
    redis.call('SREM', PREFIX .. 'o:' .. ARGV[5], id)
  end
end
return {1, seq, given_back}
