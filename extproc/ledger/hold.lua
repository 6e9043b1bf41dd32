-- Put back a reservation that the store has lost: what is under way stays reserved. No limit is
-- asked. ARGV 5 id, 6 owner, 7 ttl_ms, then per charge: key, measure, held, meta. Reply {1, seq}.
local refusal = stranger()
if refusal then return refusal end
local id, owner = ARGV[5], ARGV[6]
if not record_of(id) then
  local held = {}
  for i = 8, #ARGV, 4 do
    local key, amount, bucket = ARGV[i], tonumber(ARGV[i + 2]), -1
    local shape = string.sub(key, #PREFIX + 1, #PREFIX + 1)
    local w1, w2 = string.match(ARGV[i + 3], '^%a:(%d+):(%d+):')
    local was = redis.call('HMGET', key, 's', 'r', 'h')
    if shape == 's' then
      bucket = math.max(math.floor(now / math.ceil(tonumber(w1) / BUCKETS)), tonumber(was[3] or 0))
      if not was[3] then redis.call('HSET', key, 'h', bucket) end
      redis.call('HINCRBY', key, 'r' .. bucket, amount)
    end
    redis.call('HSET', key, 's', was[1] or 0, 'r', tonumber(was[2] or 0) + amount, 'm', ARGV[i + 3])
    if not was[1] then
      local keep = shape == 'c' and tonumber(w2) - now + DAY_MS or 2 * DAY_MS
      redis.call('PEXPIRE', key, math.max(keep, DAY_MS))
      touch(key)
    end
    local n = #held
    held[n + 1], held[n + 2], held[n + 3], held[n + 4] = key, bucket, ARGV[i + 1], amount
  end
  redis.call('SET', PREFIX .. 'r:' .. id, cmsgpack.pack({owner, {-5}, held}))
  redis.call('SADD', PREFIX .. 'o:' .. owner, id)
  advance()
end
redis.call('ZADD', OPEN, now + tonumber(ARGV[7]), id)
return {1, seq}
