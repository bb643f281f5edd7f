// 61: A variable hides a local one.
void OnTick() { int n = 1; for(int k = 0; k < 2; k++) { int n = k; Print(n); } Print(n); }
