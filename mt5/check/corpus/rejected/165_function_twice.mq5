// 165: A function that is defined twice.
int Size() { return 1; }
int Size() { return 2; }
void OnTick() { Print(Size()); }
