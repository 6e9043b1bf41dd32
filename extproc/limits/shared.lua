-- What the ledger's scripts share: names, the clock, and how one reservation is closed (P2).
-- Prepended to every other script of this folder; a script is atomic but NOT transactional, so all
-- reads (which raise on a key of the wrong type) come before the first write.
--
--   {envelope}:open            zset   reservation id -> when it expires (ms)
--   {envelope}:r:<id>          string cmsgpack {owner, reply, {key, bucket, measure, held, ...}}
--   {envelope}:o:<owner>       set    ids of the reservations one worker holds
--   {envelope}:counters        zset   counter key -> when it is dead (ms); bounded
--   {envelope}:stats           hash   expired = reservations nobody settled
--   {envelope}:<mode>:<window_ms>:<measure>:<window id or ''>:<counter>   hash, one counter:
--      s spent, r reserved, l limit, m audit flag and rule id; sliding (mode s) also has
--      h the oldest bucket kept, s<b> and r<b> the part of s and r that bucket b brought in
local PREFIX = '{envelope}:'
local OPEN = PREFIX .. 'open'
local COUNTERS = PREFIX .. 'counters'
local BUCKETS = 60
local EXACT = 9007199254740991 -- 2^53 - 1: Lua counts in doubles

local function clock(override)
  local now = tonumber(override)
  if now > 0 then return now end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function record_of(id)
  local packed = redis.call('GET', PREFIX .. 'r:' .. id)
  return packed and cmsgpack.unpack(packed)
end

local function read_counter(key, bucket)
  if bucket < 0 then return redis.call('HMGET', key, 's', 'r') end
  return redis.call('HMGET', key, 's', 'r', 'h', 's' .. bucket, 'r' .. bucket)
end

-- Moves `held` from reserved to `used` spent, in the window it was taken in. A window that is gone
-- (expired key, evicted bucket) took its share of s and r along: nothing is left to move.
local function move(key, bucket, was, held, used)
  if not was[1] then return end
  local spent, reserved = tonumber(was[1]), tonumber(was[2])
  used = math.min(used, EXACT - spent)
  if bucket < 0 then
    redis.call('HSET', key, 's', spent + used, 'r', reserved - held)
  elseif tonumber(was[3]) <= bucket then
    redis.call('HSET', key, 's', spent + used, 'r', reserved - held,
      's' .. bucket, tonumber(was[4] or 0) + used, 'r' .. bucket, tonumber(was[5] or 0) - held)
  end
end

-- `actual`: measure -> amount; a measure that is missing is charged as it was reserved. The first
-- write is a DEL: Redis refuses no later write of a script for want of memory after it.
local function close(id, record, actual)
  local owner, charges, was = record[1], record[3], {}
  for i = 1, #charges, 4 do was[i] = read_counter(charges[i], charges[i + 1]) end
  redis.call('DEL', PREFIX .. 'r:' .. id)
  redis.call('ZREM', OPEN, id)
  redis.call('SREM', PREFIX .. 'o:' .. owner, id)
  for i = 1, #charges, 4 do
    local held = charges[i + 3]
    move(charges[i], charges[i + 1], was[i], held, actual[charges[i + 2]] or held)
  end
end
