// 62: A variable hides a global one.
int g_count = 0;
void OnTick() { int g_count = 1; Print(g_count); }
