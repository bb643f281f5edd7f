// 236: do without while.
void OnTick() { do { Print("x"); } }
