-- Push back the expiry of reservations that are still open; closed ones stay closed.
-- ARGV 5 ttl_ms, then ids. Reply {1, seq}.
local refusal = stranger()
if refusal then return refusal end
local expires, members = now + tonumber(ARGV[5]), {}
for i = 6, #ARGV do
  members[#members + 1] = expires
  members[#members + 1] = ARGV[i]
end
if #members > 0 then
  redis.call('ZADD', OPEN, 'XX', unpack(members))
  advance() -- a copy of the store from before would let them expire
end
return {1, seq}
