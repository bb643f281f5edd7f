// 132: if without a parenthesis.
void OnTick() { if IsStopped() Print("x"); }
