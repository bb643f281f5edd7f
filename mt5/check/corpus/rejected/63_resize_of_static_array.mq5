// 63: ArrayResize of an array with a fixed size.
void OnTick() { int sizes[3]; ArrayResize(sizes, 4); Print(sizes[0]); }
