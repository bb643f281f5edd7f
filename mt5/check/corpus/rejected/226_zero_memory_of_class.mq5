// 226: ZeroMemory of an object.
class Box { private: int m_size; public: Box() { m_size = 1; } };
void OnTick() { Box box; ZeroMemory(box); }
