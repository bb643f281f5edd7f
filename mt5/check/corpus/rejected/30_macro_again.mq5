// 30: A macro that is defined twice.
#define SIZE 3
#define SIZE 4
void OnTick() { Print(SIZE); }
