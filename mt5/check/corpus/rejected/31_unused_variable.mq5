// 31: A variable that is not used.
void OnTick() { int count = 0; }
