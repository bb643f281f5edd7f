// 80: && within || without parentheses.
void OnTick() { bool a = IsStopped(); if(a && StringLen("x") > 0 || StringLen("y") > 1) Print(a); }
