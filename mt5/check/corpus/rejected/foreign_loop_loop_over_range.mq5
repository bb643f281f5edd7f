// foreign_loop: A loop over a range.
void OnTick() { int sizes[3]; for(int size : sizes) Print(size); }
