// 26: More than 512 kB of local variables.
void OnTick() { double grid[100000]; grid[0] = 1; Print(grid[0]); }
