-- Compare-and-set on the reservation: 1 closed now, 0 it was closed before (P2: exactly once).
-- ARGV: id, then requests, tokens, cost that were really used; -1 = unknown, charged as reserved.
local record = record_of(ARGV[1])
if not record then return 0 end
local actual = {}
for i, measure in ipairs({'requests', 'tokens', 'cost'}) do
  local used = tonumber(ARGV[i + 1])
  if used >= 0 then actual[measure] = used end
end
close(ARGV[1], record, actual)
return 1
