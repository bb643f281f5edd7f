// 269: A virtual method of a structure.
struct Leg { int side; virtual void Show() { Print(side); } };
void OnTick() { Print("x"); }
