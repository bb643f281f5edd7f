// 389: A constant without a value.
const int g_limit;
void OnTick() { Print(g_limit); }
