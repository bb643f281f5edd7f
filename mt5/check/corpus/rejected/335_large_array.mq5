// 335: An array of more than 2 GB.
double g_grid[400000000];
void OnTick() { g_grid[0] = 1; Print(g_grid[0]); }
