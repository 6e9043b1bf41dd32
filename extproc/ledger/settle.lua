-- Compare-and-set on the reservation (P2: exactly once). ARGV 5 id, then requests, tokens, cost that
-- were really used; -1 = unknown, charged as reserved.
-- Reply: {1, seq, spent of each counter} closed now; {0, seq} it was closed before, or never made:
-- if nothing was used it can then no longer be made, should its request still be on its way.
local refusal = stranger()
if refusal then return refusal end
local id, actual, nothing = ARGV[5], {}, true
for i, measure in ipairs({'requests', 'tokens', 'cost'}) do
  local used = tonumber(ARGV[5 + i])
  if used >= 0 then actual[measure] = used end
  nothing = nothing and used == 0
end
local record, given_up = record_of(id)
if not record then
  if nothing and not given_up then redis.call('SET', PREFIX .. 'r:' .. id, '-', 'PX', 120000) end
  return {0, seq}
end
local spent = close(id, record, actual)
return {1, seq, unpack(spent)}
