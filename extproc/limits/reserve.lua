-- Take all charges or none, at once (P2). Refuses: a counter named twice, a key of another type.
-- ARGV: now_ms (0 = the store's clock), id, owner, ttl_ms, then 8 per charge: counter, rule id,
-- measure, amount, floor, limit (-1 none), window_ms, mode (s sliding | c calendar, 'a' = audit).
-- Reply, integers: {1, swept, ...} or {0, index of the first that refused, retry_after_ms, ...},
-- then left, reset_ms, over for each charge.
local SWEEP = 16
local COUNTERS_MAX = 20000
local DAY_MS = 86400000
local now = clock(ARGV[1])
local id, owner = ARGV[2], ARGV[3]

local before = record_of(id)
if before then return before[2] end

-- A reservation nobody settled or renewed: the provider may have billed it, so it is charged in
-- full. Room does not change by it; a bounded number a call keeps this script short.
local swept = 0
for _, late in ipairs(redis.call('ZRANGEBYSCORE', OPEN, '-inf', now, 'LIMIT', 0, SWEEP)) do
  local record = record_of(late)
  if record then
    close(late, record, {})
    swept = swept + 1
  else
    redis.call('ZREM', OPEN, late)
  end
end
if swept > 0 then redis.call('HINCRBY', PREFIX .. 'stats', 'expired', swept) end

local function key_of(c, mode, window_id)
  return PREFIX .. mode .. ':' .. c.window .. ':' .. c.measure .. ':' .. window_id .. ':' .. c.counter
end

local function look_calendar(c)
  local width = tonumber(c.window)
  local window_id = math.floor(now / width)
  c.key, c.bucket = key_of(c, 'c', window_id), -1
  local was = redis.call('HMGET', c.key, 's', 'r', 'l')
  c.spent, c.reserved, c.known = tonumber(was[1] or 0), tonumber(was[2] or 0), was[3]
  c.fresh, c.reset = not was[1], (window_id + 1) * width - now
  c.keep = c.reset + DAY_MS
end

-- Every bucket that has left the window is dropped once: amortised O(1). The writes wait.
local function drop_old(c)
  local fields = {}
  for b = c.head, math.min(c.first - 1, c.head + BUCKETS) do
    fields[#fields + 1] = 's' .. b
    fields[#fields + 1] = 'r' .. b
  end
  local was = redis.call('HMGET', c.key, unpack(fields))
  for i = 1, #fields, 2 do
    c.spent = c.spent - tonumber(was[i] or 0)
    c.reserved = c.reserved - tonumber(was[i + 1] or 0)
  end
  c.gone, c.head = fields, c.first
end

-- The window is BUCKETS whole buckets and the running one, so what was taken counts for at least
-- window_ms, at most one bucket longer: no true window ever holds more than the limit.
local function look_sliding(c)
  c.width = math.ceil(tonumber(c.window) / BUCKETS)
  c.bucket = math.floor(now / c.width)
  c.key = key_of(c, 's', '')
  local was = redis.call('HMGET', c.key, 's', 'r', 'l', 'h', 'r' .. c.bucket)
  c.spent, c.reserved, c.known = tonumber(was[1] or 0), tonumber(was[2] or 0), was[3]
  c.head, c.held, c.fresh = tonumber(was[4] or c.bucket), tonumber(was[5] or 0), not was[5]
  if c.head > c.bucket then -- the store's clock stepped back: stay in the bucket that is known
    c.bucket = c.head
    local held = redis.call('HGET', c.key, 'r' .. c.bucket)
    c.held, c.fresh = tonumber(held or 0), not held
  end
  c.first = c.bucket - BUCKETS
  if c.head < c.first then drop_old(c) end
  c.reset = (c.bucket + BUCKETS + 1) * c.width - now
  c.keep = 2 * c.width * BUCKETS + 60000
end

-- How long until enough old buckets have left for `floor` to fit.
local function wait_sliding(c)
  local fields, need = {}, c.floor - c.room
  for b = c.head, c.bucket do
    fields[#fields + 1] = 's' .. b
    fields[#fields + 1] = 'r' .. b
  end
  local was = redis.call('HMGET', c.key, unpack(fields))
  for i = 1, #fields, 2 do
    need = need - tonumber(was[i] or 0) - tonumber(was[i + 1] or 0)
    if need <= 0 then return (c.head + (i - 1) / 2 + BUCKETS + 1) * c.width - now end
  end
  return c.reset
end

-- Sets `take`: the amount, or what room is left above the floor. False = no room.
local function fits(c)
  c.room = c.limit - c.spent - c.reserved
  c.take, c.over = c.amount, 0
  if c.limit >= 0 and c.amount > c.room then
    if c.audit then
      c.over = 1
    elseif c.floor > c.room then
      return false
    else
      c.take = c.room
    end
  end
  c.take = math.min(c.take, EXACT - c.spent - c.reserved)
  return true
end

local charges, seen, refused, retry = {}, {}, -1, 0
for i = 5, #ARGV, 8 do
  local mode = ARGV[i + 7]
  local c = { -- every field is named here at once: a table that grows is rehashed
    counter = ARGV[i], rule = ARGV[i + 1], measure = ARGV[i + 2], amount = tonumber(ARGV[i + 3]),
    floor = tonumber(ARGV[i + 4]), limit = tonumber(ARGV[i + 5]), stated = ARGV[i + 5],
    window = ARGV[i + 6], audit = #mode == 2, key = '', bucket = 0, spent = 0, reserved = 0,
    known = false, fresh = false, reset = 0, keep = 0, room = 0, take = 0, over = 0,
    width = false, head = 0, held = 0, first = 0, gone = false, -- sliding only
  }
  if mode == 's' or mode == 'sa' then look_sliding(c) else look_calendar(c) end
  if seen[c.key] then return redis.error_reply('ERR counter named twice') end
  seen[c.key] = true
  charges[#charges + 1] = c
  if not fits(c) then
    if refused < 0 then refused = #charges - 1 end
    retry = math.max(retry, c.width and wait_sliding(c) or c.reset)
  end
end

local reply = refused < 0 and {1, swept} or {0, refused, retry}
for _, c in ipairs(charges) do
  local left = c.room - (refused < 0 and c.take or 0)
  reply[#reply + 1] = c.limit < 0 and -1 or math.max(0, left)
  reply[#reply + 1] = c.reset
  reply[#reply + 1] = c.over
end
if refused >= 0 then return reply end

-- From here on only writes.
local function index(c)
  redis.call('PEXPIRE', c.key, c.keep)
  redis.call('ZREMRANGEBYSCORE', COUNTERS, '-inf', now)
  redis.call('ZADD', COUNTERS, now + c.keep, c.key)
  if redis.call('ZCARD', COUNTERS) > COUNTERS_MAX then redis.call('ZPOPMIN', COUNTERS) end
end

local function take(c)
  if c.gone then redis.call('HDEL', c.key, unpack(c.gone)) end
  if c.width then
    redis.call('HSET', c.key, 's', c.spent, 'r', c.reserved + c.take, 'h', c.head,
      'r' .. c.bucket, c.held + c.take)
  else
    redis.call('HSET', c.key, 's', c.spent, 'r', c.reserved + c.take)
  end
  if c.known ~= c.stated then
    redis.call('HSET', c.key, 'l', c.stated, 'm', (c.audit and '1' or '0') .. c.rule)
  end
  if c.fresh then index(c) end
end

local held = {}
for _, c in ipairs(charges) do
  take(c)
  local n = #held
  held[n + 1], held[n + 2], held[n + 3], held[n + 4] = c.key, c.bucket, c.measure, c.take
end
redis.call('SET', PREFIX .. 'r:' .. id, cmsgpack.pack({owner, reply, held}))
redis.call('ZADD', OPEN, now + tonumber(ARGV[4]), id)
redis.call('SADD', PREFIX .. 'o:' .. owner, id)
return reply
