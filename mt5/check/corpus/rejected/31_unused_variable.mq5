// 31: A variable that nothing uses.
void OnTick() { int count = 0; }
