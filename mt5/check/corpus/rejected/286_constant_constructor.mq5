// 286: const of a constructor.
class Box { public: Box() const { Print("x"); } };
void OnTick() { Print("x"); }
