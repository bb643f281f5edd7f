// 109: A directive of C++.
#pragma once
void OnTick() { Print("x"); }
