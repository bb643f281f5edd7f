// 266: A class derived from a structure.
struct Leg { int side; };
class Box : public Leg { public: Box() { Print("x"); } };
void OnTick() { Print("x"); }
