-- Push back the expiry of reservations that are still open; closed ones stay closed.
-- ARGV: now_ms (0 = the store's clock), ttl_ms, ids.
local expires = clock(ARGV[1]) + tonumber(ARGV[2])
local members = {}
for i = 3, #ARGV do
  members[#members + 1] = expires
  members[#members + 1] = ARGV[i]
end
return redis.call('ZADD', OPEN, 'XX', unpack(members))
