// 317: Wrong parameters of a macro.
#define TWICE(a, 1) (a * 2)
void OnTick() { Print(TWICE(2, 1)); }
