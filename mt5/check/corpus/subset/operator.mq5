// outside_subset: An operator of its own.
struct Leg { int side; int operator+(const int a) { return side + a; } };
void OnTick() { Print("x"); }
