// 285: An array as an input.
input int InpSizes[3] = {1, 2, 3};
void OnTick() { Print(InpSizes[0]); }
