/* The program that the floor starts: it ends at once, as the floor counts up to its execve. */
int main(void) { return 0; }
