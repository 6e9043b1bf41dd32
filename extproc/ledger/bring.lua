-- Bring back what a gateway knows was spent. ARGV 5.., per counter: key, spent, meta, seen_ms (by
-- the store's clock). Never lowers anything; the same knowledge from many gateways counts once.
-- Reply {1, seq}.
local refusal = stranger()
if refusal then return refusal end

local function sliding_bucket(key, width)
  local bucket = math.floor(now / math.ceil(width / BUCKETS))
  local head = redis.call('HGET', key, 'h')
  if not head then redis.call('HSET', key, 'h', bucket) end
  return math.max(bucket, tonumber(head or bucket))
end

local function bring(key, spent, meta, seen)
  local w1, w2 = string.match(meta, '^%a:(%d+):(%d+):')
  w1, w2 = tonumber(w1), tonumber(w2)
  local sliding = string.sub(key, #PREFIX + 1, #PREFIX + 1) == 's'
  if sliding and seen + w1 <= now or not sliding and w2 <= now then return end
  local was = redis.call('HMGET', key, 's', 'e', 'b')
  local base = tonumber(was[1] or 0)
  if was[2] == tostring(gen) then base = tonumber(was[3]) end
  local missing = math.max(0, spent - base)
  redis.call('HSET', key, 's', tonumber(was[1] or 0) + missing, 'e', gen, 'b', base + missing)
  if sliding and missing > 0 then
    redis.call('HINCRBY', key, 's' .. sliding_bucket(key, w1), missing)
  end
  if not was[1] then
    redis.call('HSET', key, 'r', 0, 'm', meta)
    redis.call('PEXPIRE', key, sliding and 2 * w1 + 60000 or w2 - now + DAY_MS)
  end
  touch(key)
end

for i = 5, #ARGV, 4 do
  bring(ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], tonumber(ARGV[i + 3]))
end
advance()
return {1, seq}
