-- Read one page of live counters; writes nothing. ARGV: now_ms (0 = the store's clock), from, to.
-- Reply: how many index entries the page had, then per live counter: mode, window_ms, measure,
-- counter, audit flag, rule id, limit, spent, reserved, reset_ms (all strings).
local now = clock(ARGV[1])
local page = redis.call('ZRANGE', COUNTERS, ARGV[2], ARGV[3])
local reply = {tostring(#page)}

local function text(number) return string.format('%.0f', number) end

local function sliding(h, window)
  local width = math.ceil(window / BUCKETS)
  local bucket = math.max(math.floor(now / width), tonumber(h.h))
  local spent, reserved = 0, 0
  for b = math.max(tonumber(h.h), bucket - BUCKETS), bucket do
    spent = spent + tonumber(h['s' .. b] or 0)
    reserved = reserved + tonumber(h['r' .. b] or 0)
  end
  return spent, reserved, (bucket + BUCKETS + 1) * width - now
end

for _, key in ipairs(page) do
  local mode, window, measure, window_id, counter =
    string.match(key, '^{envelope}:(%a):(%d+):(%a+):(%d*):(.*)$')
  local h, flat = {}, redis.call('HGETALL', key)
  for i = 1, #flat, 2 do h[flat[i]] = flat[i + 1] end
  local spent, reserved, reset = tonumber(h.s), tonumber(h.r), 0
  if h.s and mode == 's' then
    spent, reserved, reset = sliding(h, tonumber(window))
  elseif h.s then
    reset = (tonumber(window_id) + 1) * tonumber(window) - now
  end
  if reset > 0 then
    for _, part in ipairs({mode, window, measure, counter, string.sub(h.m, 1, 1),
      string.sub(h.m, 2), h.l, text(spent), text(reserved), text(reset)}) do
      reply[#reply + 1] = part
    end
  end
end
return reply
