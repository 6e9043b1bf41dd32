-- What the ledger's scripts share: names, the clock, the epoch, how a reservation is closed (P2).
-- Prepended to every other script of this folder; a script is atomic but NOT transactional, so all
-- reads (which raise on a key of the wrong type) come before the first write.
--
--   {envelope}:epoch           hash   id = <generation>-<random>, seq = writes so far, until = calls
--                                     are refused before (ms), stop = why calls are refused
--   {envelope}:open            zset   reservation id -> when it expires (ms)
--   {envelope}:r:<id>          string cmsgpack {owner, reply, {key, bucket, measure, held, ...}}, or
--                                     '-': given up before it was made
--   {envelope}:o:<owner>       set    ids of the reservations one worker holds
--   {envelope}:changes         stream <seq>-0 -> k: a counter that has changed; see touch()
--   {envelope}:stats           hash   expired = reservations nobody settled
--   {envelope}:<shape>:<window>:<measure>:<span>:<counter>   hash, one counter:
--      s spent, r reserved, m mode:w1:w2:limit:soft:rule (w1, w2 = from, to of a calendar span, or
--      width, 0), t seq of its last entry in changes; since data was lost: e generation, b spent
--      when it began; sliding (shape s) also
--      h the oldest bucket kept, s<b> and r<b> the part of s and r that bucket b brought in
-- ARGV of every script: 1 the store's clock (ms; '' = TIME), 2 the caller's, 3 the epoch it knows
-- ('' = none), 4 the highest seq it has seen.
local PREFIX = '{envelope}:'
local EPOCH = PREFIX .. 'epoch'
local OPEN = PREFIX .. 'open'
local CHANGES = PREFIX .. 'changes'
local BUCKETS = 60
local DAY_MS = 86400000
local QUIET = 1000
local CHANGES_KEPT = 100000
local SKEW_MS = 300000
local GRACE_MAX_MS = 600000
local EXACT = 9007199254740991 -- 2^53 - 1: Lua counts in doubles

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function generation(id) return tonumber(string.match(id, '^%d+')) end

local epoch = redis.call('HMGET', EPOCH, 'id', 'seq', 'until', 'stop')
local gen = epoch[1] and generation(epoch[1]) or 0
local seq = tonumber(epoch[2] or 0)

-- Whether the store still holds all that the caller knows of; nil = it does, else the reply.
-- -1 data was lost, -2 another epoch than the caller's.
local function stranger()
  if not epoch[1] then return {-1} end
  if ARGV[3] ~= epoch[1] then
    local theirs = ARGV[3] ~= '' and generation(ARGV[3]) or 0
    return theirs > gen and {-1} or {-2}
  end
  if tonumber(ARGV[4]) > seq then return {-1} end
end

-- How long calls are still refused after a loss (ms). A wait longer than any can be was set by a
-- clock that has gone back since.
local function grace()
  local wait = epoch[3] and tonumber(epoch[3]) - now or 0
  return wait > GRACE_MAX_MS and 0 or math.max(0, wait)
end

-- Says that a counter has changed. One that said so within the last QUIET writes need not say it
-- again: readers look back so far. `last`: its field t.
local function touch(key, last)
  seq = seq + 1
  if last and seq - tonumber(last) < QUIET then return end
  redis.call('XADD', CHANGES, 'MAXLEN', '~', CHANGES_KEPT, seq .. '-0', 'k', key)
  redis.call('HSET', key, 't', seq)
end

local function advance()
  seq = seq + 1
  redis.call('HSET', EPOCH, 'seq', seq)
end

local function record_of(id)
  local packed = redis.call('GET', PREFIX .. 'r:' .. id)
  if packed == '-' then return nil, true end
  return packed and cmsgpack.unpack(packed), false
end

local function read_counter(key)
  return redis.call('HMGET', key, 's', 'r', 'e', 'h', 't')
end

-- After a loss a counter remembers what it held when the new epoch began: what gateways bring back
-- later is counted from there, once (`bring.lua`).
local function pin(key, known, spent)
  if gen > 1 and known ~= tostring(gen) then
    redis.call('HSET', key, 'e', gen, 'b', spent)
  end
end

-- Moves `held` from reserved to `used` spent, in the window it was taken in. A window that is gone
-- (expired key, evicted bucket) took its share of s and r along: nothing is left to move.
-- Returns the counter's new spent, or -1.
local function move(key, bucket, was, held, used)
  if not was[1] then return -1 end
  local spent, reserved = tonumber(was[1]), tonumber(was[2])
  if bucket >= 0 and tonumber(was[4]) > bucket then return spent end
  used = math.min(used, EXACT - spent)
  pin(key, was[3], spent)
  redis.call('HSET', key, 's', spent + used, 'r', reserved - held)
  if bucket >= 0 then
    local head = tonumber(was[4])
    -- A bucket of a future that was not to be (`rebase` in reserve.lua) is now the oldest one.
    if bucket > head + 2 * BUCKETS then bucket = head end
    redis.call('HINCRBY', key, 's' .. bucket, used)
    redis.call('HINCRBY', key, 'r' .. bucket, -held)
  end
  -- A sliding minute is not worth bringing back (`marks.py`): it need not be looked at again.
  if used > 0 and string.sub(key, 12, 19) ~= 's:minute' then touch(key, was[5]) end
  return spent + used
end

-- `actual`: measure -> amount; a measure that is missing is charged as it was reserved, but a slot
-- is only ever given back. The first write is a DEL: Redis refuses no later write of a script for
-- want of memory after it. Returns the new spent of each counter.
local function close(id, record, actual)
  local owner, charges, was, spent = record[1], record[3], {}, {}
  for i = 1, #charges, 4 do was[i] = read_counter(charges[i]) end
  redis.call('DEL', PREFIX .. 'r:' .. id)
  redis.call('ZREM', OPEN, id)
  redis.call('SREM', PREFIX .. 'o:' .. owner, id)
  for i = 1, #charges, 4 do
    local held, measure = charges[i + 3], charges[i + 2]
    local used = measure == 'slots' and 0 or actual[measure] or held
    spent[#spent + 1] = move(charges[i], charges[i + 1], was[i], held, used)
  end
  advance()
  return spent
end

-- A reservation nobody settled or renewed: the provider may have billed it, so it is charged in
-- full.
local function sweep(most)
  local swept = 0
  for _, late in ipairs(redis.call('ZRANGEBYSCORE', OPEN, '-inf', now, 'LIMIT', 0, most)) do
    local record = record_of(late)
    if record then
      close(late, record, {})
      swept = swept + 1
    else
      redis.call('ZREM', OPEN, late)
    end
  end
  if swept > 0 then redis.call('HINCRBY', PREFIX .. 'stats', 'expired', swept) end
  return swept
end
