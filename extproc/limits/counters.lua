-- Read live counters, oldest change first. ARGV 5 only those changed after this seq, 6 page size,
-- 7 '1' = forget keys that are gone. Who knows no epoch may read too.
-- Reply: {1, seq, where to go on (-1 = that was all), now, then per live counter: key, meta, spent,
-- reserved, reset_ms} (strings). Writes nothing but the forgetting.
local refusal = ARGV[3] ~= '' and stranger()
if refusal then return refusal end
local found = redis.call('ZRANGEBYSCORE', TOUCHED, '(' .. ARGV[5], '+inf', 'WITHSCORES',
  'LIMIT', 0, ARGV[6])
local page = {}
for i = 1, #found, 2 do page[#page + 1] = found[i] end
local onward = #page < tonumber(ARGV[6]) and -1 or tonumber(found[#found])
local reply = {1, seq, onward, now}

local function text(number) return string.format('%.0f', number) end

local function sliding(key, head, width)
  local bucket, fields = math.max(math.floor(now / width), head), {}
  for b = math.max(head, bucket - BUCKETS), math.min(bucket, head + 2 * BUCKETS) do
    fields[#fields + 1] = 's' .. b
    fields[#fields + 1] = 'r' .. b
  end
  if #fields == 0 then return 0, 0, 0 end
  local was, spent, reserved = redis.call('HMGET', key, unpack(fields)), 0, 0
  for i = 1, #fields, 2 do
    spent, reserved = spent + tonumber(was[i] or 0), reserved + tonumber(was[i + 1] or 0)
  end
  return spent, reserved, (bucket + BUCKETS + 1) * width - now
end

local gone = {}
for _, key in ipairs(page) do
  local shape = string.sub(key, #PREFIX + 1, #PREFIX + 1)
  local was = redis.call('HMGET', key, 's', 'r', 'm', 'h')
  if was[3] then
    local w1, w2 = string.match(was[3], '^%a:(%d+):(%d+):')
    local spent, reserved, reset = tonumber(was[1]), tonumber(was[2]), tonumber(w2) - now
    if shape == 's' then
      spent, reserved, reset = sliding(key, tonumber(was[4]), math.ceil(tonumber(w1) / BUCKETS))
    end
    if shape == 'f' or reset > 0 then
      local n = #reply
      reply[n + 1], reply[n + 2], reply[n + 3] = key, was[3], text(spent)
      reply[n + 4], reply[n + 5] = text(reserved), text(shape == 'f' and 0 or reset)
    end
  else
    gone[#gone + 1] = key
  end
end
if ARGV[7] == '1' and #gone > 0 then redis.call('ZREM', TOUCHED, unpack(gone)) end
return reply
