// 327: A static variable with the value of a local one.
void OnTick() { int n = StringLen("a"); static int s_count = n; s_count++; Print(s_count); }
