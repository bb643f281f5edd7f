// 127: A structure that is declared twice.
struct Leg { int side; };
struct Leg { int lots; };
void OnTick() { Print("x"); }
