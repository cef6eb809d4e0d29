"""What must be done in this situation, and does the agency's policy honour the department's?"""
