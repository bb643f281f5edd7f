// 195: A variable with the name of a structure.
struct Leg { int side; };
int Leg = 1;
void OnTick() { Print("x"); }
