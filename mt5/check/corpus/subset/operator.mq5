// outside_subset: A user-defined operator.
struct Leg { int side; int operator+(const int a) { return side + a; } };
void OnTick() { Print("x"); }
