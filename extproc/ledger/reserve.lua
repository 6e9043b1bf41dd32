-- Take all charges or none, at once (P2). Refuses: a counter named twice, a key of another type.
-- ARGV 5 id, 6 owner, 7 ttl_ms, then 10 per charge: key, mode (shape s|c|f and e enforce, a audit,
-- v soft), measure, amount, floor, limit (-1 none), degrade_at (-1 never), w1, w2, meta.
-- Reply, integers:
--   1, seq, swept, then per charge: spent, reserved, reset_ms, over, taken
--   0, seq, index of the first that refused, retry_after_ms, then the same per charge
--   2, seq, index of the one to be degraded for, its spent, 1 = it has no room
--   -1, -2 see shared.lua; -3, ms: being rebuilt; -4 stopped; -5 given up; -6, now: clocks differ
local SWEEP = 16
local FIELDS = 10
local id, owner = ARGV[5], ARGV[6]

local refusal = stranger()
if refusal then return refusal end
if epoch[4] then return {-4} end
if grace() > 0 then return {-3, grace()} end
if math.abs(now - tonumber(ARGV[2])) > SKEW_MS then return {-6, now} end

local before, given_up = record_of(id)
if given_up then return {-5} end
if before then return before[2] end

-- Room does not change by it; a bounded number a call keeps this script short.
local swept = sweep(SWEEP)

local function look_plain(c)
  local was = redis.call('HMGET', c.key, 's', 'r', 'm', 'e')
  c.spent, c.reserved, c.known = tonumber(was[1] or 0), tonumber(was[2] or 0), was[3]
  c.fresh, c.born = not was[1], was[4]
  if c.shape == 'c' then
    c.reset = c.w2 - now
    c.keep = c.reset + DAY_MS
  else
    c.keep = DAY_MS
  end
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

-- The store's clock was far ahead and has come back: what it counted there counts as taken now.
local function rebase(c)
  local fields = {}
  for b = c.head - BUCKETS, c.head + BUCKETS do
    fields[#fields + 1] = 's' .. b
    fields[#fields + 1] = 'r' .. b
  end
  c.gone, c.head, c.held, c.moved, c.fresh = fields, c.bucket, c.reserved, c.spent, true
end

-- The window is BUCKETS whole buckets and the running one, so what was taken counts for at least
-- its width, at most one bucket longer: no true window ever holds more than the limit.
local function look_sliding(c)
  c.width = math.ceil(c.w1 / BUCKETS)
  c.bucket = math.floor(now / c.width)
  local was = redis.call('HMGET', c.key, 's', 'r', 'm', 'e', 'h', 'r' .. c.bucket)
  c.spent, c.reserved, c.known = tonumber(was[1] or 0), tonumber(was[2] or 0), was[3]
  c.born, c.head, c.held = was[4], tonumber(was[5] or c.bucket), tonumber(was[6] or 0)
  c.fresh = not was[6]
  if c.head > c.bucket + BUCKETS then return rebase(c) end
  if c.head > c.bucket then -- the store's clock stepped back: stay in the bucket that is known
    c.bucket = c.head
    local held = redis.call('HGET', c.key, 'r' .. c.bucket)
    c.held, c.fresh = tonumber(held or 0), not held
  end
  c.first = c.bucket - BUCKETS
  if c.head < c.first then drop_old(c) end
end

local function look(c)
  if c.shape ~= 's' then return look_plain(c) end
  look_sliding(c)
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

local function wait(c)
  if c.shape == 's' then return wait_sliding(c) end
  return c.shape == 'c' and c.reset or 1000
end

-- Sets `take`: the amount, or what room is left above the floor. False = no room.
local function fits(c)
  c.room = c.limit - c.spent - c.reserved
  c.take = c.amount
  local fit = c.limit < 0 or c.amount <= c.room
  if not fit and c.mode == 'e' and c.floor <= c.room then
    c.take, fit = c.room, true
  end
  c.take = math.min(c.take, EXACT - c.spent - c.reserved)
  return fit
end

local charges, seen = {}, {}
for i = 8, #ARGV, FIELDS do
  local shape, mode = string.match(ARGV[i + 1], '^(%a)(%a)$')
  local c = { -- every field is named here at once: a table that grows is rehashed
    key = ARGV[i], shape = shape, mode = mode, measure = ARGV[i + 2],
    amount = tonumber(ARGV[i + 3]), floor = tonumber(ARGV[i + 4]), limit = tonumber(ARGV[i + 5]),
    degrade_at = tonumber(ARGV[i + 6]), w1 = tonumber(ARGV[i + 7]), w2 = tonumber(ARGV[i + 8]),
    meta = ARGV[i + 9],
    bucket = -1, spent = 0, reserved = 0, known = false, born = false, fresh = false,
    reset = 0, keep = 0, room = 0, take = 0, over = 0,
    width = false, head = 0, held = 0, first = 0, gone = false, moved = false, -- sliding only
  }
  if shape == 'c' and (now < c.w1 or now >= c.w2) then return {-6, now} end
  if seen[c.key] then return redis.error_reply('ERR counter named twice') end
  seen[c.key] = true
  charges[#charges + 1] = c
end

local hard, soft, softs, softs_full, retry = -1, -1, 0, 0, 0
local degrade, full = -1, 0
for n, c in ipairs(charges) do
  look(c)
  local fit = fits(c)
  if c.mode == 'v' then softs = softs + 1 end
  if not fit then
    if c.mode ~= 'e' then c.over = 1 end
    if c.mode == 'e' then
      if hard < 0 then hard = n - 1 end
      retry = math.max(retry, wait(c))
      if c.degrade_at >= 0 and degrade < 0 then degrade, full = n - 1, 1 end
    elseif c.mode == 'v' then
      if soft < 0 then soft = n - 1 end
      softs_full = softs_full + 1
    end
  elseif c.degrade_at >= 0 and c.spent >= c.degrade_at and degrade < 0 then
    degrade = n - 1
  end
end

-- A limit that was changed shows, and is alerted by, also while it refuses every call. No amount
-- changes by it.
local function retell()
  local changed = false
  for _, c in ipairs(charges) do
    if c.known and c.known ~= c.meta then
      redis.call('HSET', c.key, 'm', c.meta)
      touch(c.key)
      changed = true
    end
  end
  if changed then advance() end
end

if degrade >= 0 then
  -- A smaller request is no help where requests themselves are counted out.
  local first = hard >= 0 and charges[hard + 1].measure
  if first ~= 'requests' and first ~= 'slots' then
    retell()
    return {2, seq, degrade, charges[degrade + 1].spent, full}
  end
end
if hard < 0 and softs > 0 and softs_full == softs then
  hard, retry = soft, wait(charges[soft + 1])
end

local reply = hard < 0 and {1, seq, swept} or {0, seq, hard, retry}
for _, c in ipairs(charges) do
  local take = hard < 0 and c.take or 0
  local n = #reply
  reply[n + 1], reply[n + 2], reply[n + 3] = c.spent, c.reserved + take, c.reset
  reply[n + 4], reply[n + 5] = c.over, take
end
if hard >= 0 then
  retell()
  reply[2] = seq
  return reply
end

-- From here on only writes.
local held = {}
for _, c in ipairs(charges) do
  if c.gone then redis.call('HDEL', c.key, unpack(c.gone)) end
  pin(c.key, c.born, c.spent)
  if c.width then
    redis.call('HSET', c.key, 's', c.spent, 'r', c.reserved + c.take, 'h', c.head,
      'r' .. c.bucket, c.held + c.take)
    if c.moved then redis.call('HSET', c.key, 's' .. c.bucket, c.moved) end
  else
    redis.call('HSET', c.key, 's', c.spent, 'r', c.reserved + c.take)
  end
  if c.known ~= c.meta then redis.call('HSET', c.key, 'm', c.meta) end
  if c.fresh or c.shape == 'f' then redis.call('PEXPIRE', c.key, c.keep) end
  if not c.known then touch(c.key) end
  local n = #held
  held[n + 1], held[n + 2], held[n + 3], held[n + 4] = c.key, c.bucket, c.measure, c.take
end
advance()
reply[2] = seq
redis.call('SET', PREFIX .. 'r:' .. id, cmsgpack.pack({owner, reply, held}))
redis.call('ZADD', OPEN, now + tonumber(ARGV[7]), id)
redis.call('SADD', PREFIX .. 'o:' .. owner, id)
return reply
