// 133: A brace that is not closed.
void OnTick() { if(IsStopped()) { Print("x"); }
