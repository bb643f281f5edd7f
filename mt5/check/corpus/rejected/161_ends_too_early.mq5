// 161: The program ends within a declaration.
void OnTick() { Print("x"); }
int g_count = 1
