-- Change key records, all or none, if they are still what the caller has seen.
--
-- KEYS  1 records   hash: public id -> JSON
--       2 index     hash: sha256 -> public id
--       3 changed   sorted set: public id by the epoch of its last change
--       4 epoch     counter
--       5 epochs    sorted set: the latest epochs, to tell whether a reader knew this history
--       6 events    stream: what was done, for the audit log (audit/announced.py)
-- ARGV  1 step      by how much the epoch grows (see key_store.py)
--       2 kept      how many epochs to remember
--       3 event     the event as JSON
--       then for each record: public id, sha256, the text it must have now ('' = none), new text
--
-- Returns the new epoch, or 0 when some record is not what the caller has seen: nothing is changed.

for i = 4, #ARGV, 4 do
  local present = redis.call('HGET', KEYS[1], ARGV[i]) or ''
  if present ~= ARGV[i + 2] then
    return 0
  end
  local owner = redis.call('HGET', KEYS[2], ARGV[i + 1])
  if owner and owner ~= ARGV[i] then
    return 0
  end
end

local epoch = redis.call('INCRBY', KEYS[4], ARGV[1])
redis.call('ZADD', KEYS[5], epoch, epoch)
redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -1 - ARGV[2])
for i = 4, #ARGV, 4 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 3])
  redis.call('HSET', KEYS[2], ARGV[i + 1], ARGV[i])
  redis.call('ZADD', KEYS[3], epoch, ARGV[i])
end
redis.call('XADD', KEYS[6], '*', 'entry', ARGV[3])
return epoch
