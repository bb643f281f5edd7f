// 242: A list for a simple variable.
void OnTick() { int a = {1, 2}; Print(a); }
