// 162: A structure that is declared ahead.
struct Leg;
void OnTick() { Print("x"); }
