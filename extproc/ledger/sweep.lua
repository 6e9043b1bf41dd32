-- Close what has expired, without waiting for the next reserve. ARGV 5 how many at most.
-- Reply {1, seq, closed}.
local refusal = stranger()
if refusal then return refusal end
return {1, seq, sweep(ARGV[5])}
