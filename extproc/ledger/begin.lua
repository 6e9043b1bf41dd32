-- Begin an epoch: the first one of a new store, or the next one after data was lost.
-- ARGV 3 the last epoch known ('' = none ever), 5 the new id, 6 grace_ms: calls are refused so long,
-- while every gateway brings back what it knows. Reply: the id of the epoch that now runs.
-- Refuses to replace an epoch that is not older than the caller's: somebody was faster.
local known = ARGV[3] ~= '' and generation(ARGV[3]) or 0
local rolled_back = epoch[1] == ARGV[3] and tonumber(ARGV[4]) > seq
if epoch[1] and not rolled_back and gen >= known then return epoch[1] end
redis.call('HSET', EPOCH, 'id', ARGV[5], 'seq', math.max(seq, tonumber(ARGV[4])) + 1000000)
redis.call('HSET', EPOCH, 'until', now + tonumber(ARGV[6]))
return ARGV[5]
