// 228: A number in place of a name.
void OnTick() { int 5 = 1; }
