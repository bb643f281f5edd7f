// 162: A forward declaration of a structure.
struct Leg;
void OnTick() { Print("x"); }
