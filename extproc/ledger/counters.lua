-- Read counters; writes nothing. Who knows no epoch may read too. ARGV 5 'all' or 'changed',
-- 6 where to begin ('all': a cursor; 'changed': after this seq), 7 page size, 8 'changed': the seq at
-- the last look.
-- Reply: {1, seq, where to go on (-1 = that was all), now, then per live counter: key, meta, spent,
-- reserved, reset_ms} (strings). 'changed' of so long ago that it is not kept: {-7}.
local refusal = ARGV[3] ~= '' and stranger()
if refusal then return refusal end
local page, onward, known = {}, '-1', {}

if ARGV[5] == 'all' then
  local found = redis.call('SCAN', ARGV[6], 'MATCH', PREFIX .. '[scf]:*', 'COUNT', ARGV[7])
  page, onward = found[2], found[1] == '0' and '-1' or found[1]
elseif seq ~= tonumber(ARGV[8]) then
  local oldest = redis.call('XRANGE', CHANGES, '-', '+', 'COUNT', 1)[1]
  local kept = redis.call('XLEN', CHANGES)
  if kept >= CHANGES_KEPT and tonumber(string.match(oldest[1], '^%d+')) > tonumber(ARGV[6]) then
    return {-7}
  end
  local first = string.format('%.0f-1', math.max(0, tonumber(ARGV[6])))
  local found = redis.call('XRANGE', CHANGES, first, '+', 'COUNT', ARGV[7])
  for _, entry in ipairs(found) do
    local key = entry[2][2]
    if not known[key] then page[#page + 1], known[key] = key, true end
  end
  if #found >= tonumber(ARGV[7]) then onward = string.match(found[#found][1], '^%d+') end
end

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
  end
end
return reply
