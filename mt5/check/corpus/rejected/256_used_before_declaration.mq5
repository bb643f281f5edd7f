// 256: A global variable in the value of an earlier one.
int g_first = g_second;
int g_second = 1;
void OnTick() { Print(g_first); }
