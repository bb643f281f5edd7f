// 294: An array passed by value.
void Show(int sizes[]) { Print(sizes[0]); }
void OnTick() { int sizes[3]; sizes[0] = 1; Show(sizes); }
